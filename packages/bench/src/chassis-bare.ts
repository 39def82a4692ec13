/** A WebAssembly call without any sandbox: what a runner's calls are compared with. */
import { wasmOf, type Program } from '@infrafabric/testkit';

export type Compute = (n: number) => unknown;

export const computeOf = async ({ name, text }: Program): Promise<Compute> => {
  const module = new WebAssembly.Module(Buffer.from(await wasmOf(text)));
  const { compute } = { ...new WebAssembly.Instance(module).exports };
  if (typeof compute !== 'function') throw new Error(`${name} computes nothing`);
  return (n) => Reflect.apply(compute, undefined, [n]);
};

/** CPU of this process, ms; its other threads rest once everything is compiled. */
export const ownMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** CPU of so many calls, ms. Throws where one computes something else. */
export const turnMs = (
  compute: Compute,
  { n, result, times }: { readonly n: number; readonly result: number; readonly times: number },
): number => {
  const from = ownMs();
  for (let at = 0; at < times; at += 1)
    if (Number(compute(n)) !== result) throw new Error('another result was computed');
  return ownMs() - from;
};
