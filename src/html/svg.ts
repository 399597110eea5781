import { escapeHtml } from './document.ts';

/** A titled figure of SVG content, which scales to the width it is given; `legend` is HTML between title and drawing. */
export function svgFigure(title: string, width: number, height: number, content: string, legend = ''): string {
  const text = escapeHtml(title);
  return `<figure><h3>${text}</h3>${legend}<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${text}">${content}</svg></figure>`;
}

/** A coordinate, to a hundredth. */
export const fix = (value: number): string => String(Math.round(value * 100) / 100);

/** A number for an axis: two digits. */
export const shortNumber = (value: number): string => (value === 0 ? '0' : String(Number(value.toPrecision(2))));

/** The smallest of 1, 2, 5 x a power of ten that is not below a positive value. */
export function niceReach(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => step * power >= value * (1 - 1e-9)) ?? 10) * power;
}
