// Numbers as people read them.

const WHOLE = new Intl.NumberFormat("en");

export const whole = (number) => (Number.isFinite(number) ? WHOLE.format(number) : "∞");

export const count = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;

export const sum = (numbers) => numbers.reduce((total, number) => total + (number ?? 0), 0);

export const ratio = (number) => `${number.toFixed(number < 10 ? 1 : 0)}×`;
