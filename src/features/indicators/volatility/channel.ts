/** A band around prices. */
export interface Channel {
  readonly upper: number;
  readonly middle: number;
  readonly lower: number;
}

export interface ChannelColumns {
  readonly upper: Float64Array;
  readonly middle: Float64Array;
  readonly lower: Float64Array;
}

export function allocateChannel(length: number): ChannelColumns {
  return { upper: new Float64Array(length), middle: new Float64Array(length), lower: new Float64Array(length) };
}
