import { JinjaFailure } from './jinja-error.js';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DIRECTIVE = /%([-_0^#]?)(.?)/gs;

/** Python's `datetime.strftime` of the local time, in the C locale, with the flags of glibc (`%-d`, `%_d`, `%^a`). */
export function strftime(now: Date, format: string): string {
  return format.replace(DIRECTIVE, (whole, flag: string, directive: string) => {
    const field = fieldOf(now, directive);
    if (field === undefined) {
      if (directive === '%') return '%';
      throw new JinjaFailure('value', `expected a directive of strftime, received ${whole}`);
    }
    if (typeof field === 'string') return flag === '^' ? field.toUpperCase() : field;
    const [value, width, filler = '0'] = field;
    if (flag === '-') return String(value);
    return String(value).padStart(width, flag === '_' ? ' ' : flag === '0' ? '0' : filler);
  });
}

type Field = string | readonly [value: number, width: number, filler?: string];

function fieldOf(now: Date, directive: string): Field | undefined {
  const hour12 = now.getHours() % 12 || 12;
  switch (directive) {
    case 'a':
      return DAYS[now.getDay()]!.slice(0, 3);
    case 'A':
      return DAYS[now.getDay()]!;
    case 'b':
    case 'h':
      return MONTHS[now.getMonth()]!.slice(0, 3);
    case 'B':
      return MONTHS[now.getMonth()]!;
    case 'c':
      return strftime(now, '%a %b %e %H:%M:%S %Y');
    case 'C':
      return [Math.floor(now.getFullYear() / 100), 2];
    case 'd':
      return [now.getDate(), 2];
    case 'D':
    case 'x':
      return strftime(now, '%m/%d/%y');
    case 'e':
      return [now.getDate(), 2, ' '];
    case 'f':
      return [now.getMilliseconds() * 1000, 6];
    case 'F':
      return strftime(now, '%Y-%m-%d');
    case 'g':
      return [isoWeek(now).year % 100, 2];
    case 'G':
      return [isoWeek(now).year, 4];
    case 'H':
      return [now.getHours(), 2];
    case 'I':
      return [hour12, 2];
    case 'j':
      return [dayOfYear(now), 3];
    case 'k':
      return [now.getHours(), 2, ' '];
    case 'l':
      return [hour12, 2, ' '];
    case 'm':
      return [now.getMonth() + 1, 2];
    case 'M':
      return [now.getMinutes(), 2];
    case 'n':
      return '\n';
    case 'p':
      return now.getHours() < 12 ? 'AM' : 'PM';
    case 'P':
      return now.getHours() < 12 ? 'am' : 'pm';
    case 'r':
      return strftime(now, '%I:%M:%S %p');
    case 'R':
      return strftime(now, '%H:%M');
    case 's':
      return [Math.floor(now.getTime() / 1000), 1];
    case 'S':
      return [now.getSeconds(), 2];
    case 't':
      return '\t';
    case 'T':
    case 'X':
      return strftime(now, '%H:%M:%S');
    case 'u':
      return [now.getDay() || 7, 1];
    case 'U':
      return [Math.floor((dayOfYear(now) + 6 - now.getDay()) / 7), 2];
    case 'V':
      return [isoWeek(now).week, 2];
    case 'w':
      return [now.getDay(), 1];
    case 'W':
      return [Math.floor((dayOfYear(now) + 6 - ((now.getDay() + 6) % 7)) / 7), 2];
    case 'y':
      return [now.getFullYear() % 100, 2];
    case 'Y':
      return [now.getFullYear(), 4];
    case 'z':
    case 'Z':
      // Python's datetime.now() knows no zone.
      return '';
    default:
      return undefined;
  }
}

function dayOfYear(now: Date): number {
  return (Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) - Date.UTC(now.getFullYear(), 0, 0)) / 86_400_000;
}

/** ISO 8601: the week that has the year's first Thursday is week 1. */
function isoWeek(now: Date): { year: number; week: number } {
  const thursday = new Date(Date.UTC(now.getFullYear(), now.getMonth(), now.getDate() + 4 - (now.getDay() || 7)));
  const year = thursday.getUTCFullYear();
  return { year, week: Math.ceil(((thursday.getTime() - Date.UTC(year, 0, 1)) / 86_400_000 + 1) / 7) };
}
