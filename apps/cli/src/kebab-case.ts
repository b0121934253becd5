/** `learningRate` to `learning-rate`; digits stay with the word before them (`beta1`). */
export function kebabCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
