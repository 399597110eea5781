import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { at64 } from '../core/index.ts';
import { compileInference } from './compile.ts';
import { evaluateReference } from './evaluate-reference.ts';
import { gradients } from './gradients.ts';
import type { Value } from './graph.ts';
import { buildCase, OPERATION_CASES } from './operations.fixture.ts';
import { createSession } from './session.ts';

const STEP = 1e-5;

describe.each(OPERATION_CASES)('$name', (operation) => {
  const { inputs, output, loss, values } = buildCase(operation);
  const names = Object.keys(inputs);
  const derivatives = gradients(loss, Object.values(inputs));

  it('has the derivatives of central differences', () => {
    names.forEach((name, index) => {
      const derivative = derivatives[index];
      const [computed] = derivative ? evaluateReference([derivative], values) : [undefined];
      const own = values[name];
      if (!own) throw new Error(name);
      const differences = own.data.map((value, element) => {
        const lossAt = (shifted: number) => {
          const data = own.data.slice();
          data[element] = shifted;
          return at64(evaluateReference([loss], { ...values, [name]: { ...own, data } })[0] ?? new Float64Array(1), 0);
        };
        return (lossAt(value + STEP) - lossAt(value - STEP)) / (2 * STEP);
      });
      differences.forEach((difference, element) => {
        expect(computed?.[element] ?? 0, `${name}[${element}]`).toBeCloseTo(difference, 5);
      });
    });
  });

  it('computes in the runtime what its definition says, forwards and backwards', async () => {
    const outputs: Record<string, Value> = { output, loss };
    derivatives.forEach((derivative, index) => {
      if (derivative) outputs[`by_${names[index]}`] = derivative;
    });
    const expected = evaluateReference(Object.values(outputs), values);
    const session = await createSession(compileInference({ name: 'case', outputs }));
    const results = await session.run(
      Object.fromEntries(
        Object.entries(values).map(([name, { shape, data }]) => [
          name,
          new Tensor('float32', Float32Array.from(data), shape),
        ]),
      ),
    );
    Object.keys(outputs).forEach((name, index) => {
      const actual = Array.from(results[name]?.data as Float32Array);
      const wanted = expected[index] ?? new Float64Array(0);
      expect(actual.length).toBe(wanted.length);
      actual.forEach((value, i) => {
        expect(Math.abs(value - at64(wanted, i)), `${name}[${i}]`).toBeLessThan(
          2e-5 * Math.max(1, Math.abs(at64(wanted, i))),
        );
      });
    });
    await session.release();
  });
});
