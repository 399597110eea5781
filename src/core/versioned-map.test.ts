import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VersionedMap } from './versioned-map.ts';

const step = fc.record({
  from: fc.nat(),
  changes: fc.array(fc.tuple(fc.nat(60), fc.option(fc.integer())), { maxLength: 30 }),
});

describe('a versioned map', () => {
  it('is a Map in content and order, and each version stays as it is whatever others become', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const versions = [{ own: new VersionedMap<number>(), plain: new Map<string, number>() }];
        for (const { from, changes } of steps) {
          const base = versions[from % versions.length];
          const own = new VersionedMap(base?.own);
          const plain = new Map(base?.plain);
          for (const [name, value] of changes) {
            const key = `k${name}`;
            if (value === null) expect(own.delete(key)).toBe(plain.delete(key));
            else {
              own.set(key, value);
              plain.set(key, value);
            }
          }
          versions.push({ own, plain });
        }
        for (const { own, plain } of versions) {
          expect([...own]).toEqual([...plain]);
          expect([...own.keys()]).toEqual([...plain.keys()]);
          expect([...own.values()]).toEqual([...plain.values()]);
          expect(own.size).toBe(plain.size);
          for (let name = 0; name <= 60; name++) expect(own.get(`k${name}`)).toBe(plain.get(`k${name}`));
        }
      }),
    );
  });
});
