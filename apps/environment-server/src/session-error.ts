/** The client named something that there is not, or asked out of turn. */
export class SessionError extends Error {
  readonly kind: 'invalid' | 'out_of_turn';

  constructor(kind: SessionError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}
