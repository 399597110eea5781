export { escapeHtml, type HtmlCell, type HtmlColumn, htmlDocument, htmlTable, intervalCell } from './document.ts';
export {
  amountText,
  differenceText,
  type Interval,
  intervalText,
  numberText,
  percentText,
  signedText,
} from './figure-text.ts';
export { fix, niceReach, shortNumber, svgFigure } from './svg.ts';
