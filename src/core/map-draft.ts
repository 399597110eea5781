/** A map as it changes within a minute: copied with the first change, the given one itself where there is none. */
export class MapDraft<Value> {
  readonly #given: ReadonlyMap<string, Value>;
  #changed: Map<string, Value> | undefined;

  constructor(given: ReadonlyMap<string, Value>) {
    this.#given = given;
  }

  get map(): ReadonlyMap<string, Value> {
    return this.#changed ?? this.#given;
  }

  set(key: string, value: Value): void {
    if (this.map.get(key) === value) return;
    this.#changed ??= new Map(this.#given);
    this.#changed.set(key, value);
  }

  delete(key: string): void {
    if (!this.map.has(key)) return;
    this.#changed ??= new Map(this.#given);
    this.#changed.delete(key);
  }
}
