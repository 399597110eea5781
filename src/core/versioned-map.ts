/**
 * A map of which each version is kept: versions share one index of the keys and have values of their own, so that a copy costs an array,
 * not a hash table. Iterates in the order in which keys came, as a Map does. It changes by `set` and `delete` until it is handed on;
 * from then on only copies of it change.
 */
export class VersionedMap<Value extends object | number | bigint | string> implements ReadonlyMap<string, Value> {
  /** Places of the keys, of every version: a version's own are those before the end of its values. */
  #places: Map<string, number>;
  /** Undefined where a key was deleted. */
  #values: (Value | undefined)[];
  #size: number;

  constructor(from?: VersionedMap<Value>) {
    this.#places = from === undefined ? new Map() : from.#places;
    this.#values = from === undefined ? [] : from.#values.slice();
    this.#size = from === undefined ? 0 : from.#size;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#values[place];
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, value: Value): this {
    const place = this.#places.get(key);
    if (place !== undefined && this.#values[place] !== undefined) {
      this.#values[place] = value;
      return this;
    }
    // Another version has keys of its own behind these, or this one was here before.
    if (place !== undefined || this.#places.size !== this.#values.length) this.#reindex();
    this.#places.set(key, this.#values.length);
    this.#values.push(value);
    this.#size++;
    return this;
  }

  delete(key: string): boolean {
    const place = this.#places.get(key);
    if (place === undefined || this.#values[place] === undefined) return false;
    this.#values[place] = undefined;
    this.#size--;
    if (this.#values.length > 2 * this.#size + FEW) this.#reindex();
    return true;
  }

  /** An index of this version alone, without deleted keys. */
  #reindex(): void {
    const places = new Map<string, number>();
    const values: Value[] = [];
    for (const [key, place] of this.#places) {
      const value = this.#values[place];
      if (value === undefined) continue;
      places.set(key, values.length);
      values.push(value);
    }
    this.#places = places;
    this.#values = values;
  }

  *entries(): MapIterator<[string, Value]> {
    for (const [key, place] of this.#places) {
      const value = this.#values[place];
      if (value !== undefined) yield [key, value];
    }
  }

  *keys(): MapIterator<string> {
    for (const [key, place] of this.#places) if (this.#values[place] !== undefined) yield key;
  }

  *values(): MapIterator<Value> {
    for (const value of this.#values) if (value !== undefined) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  /** Values in order, for loops that run often. */
  each(take: (value: Value) => void): void {
    for (const value of this.#values) if (value !== undefined) take(value);
  }

  forEach(take: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this) take(value, key, this);
  }
}

/** Deleted keys that are not worth a new index. */
const FEW = 32;
