import { expect, test } from 'vitest';
import { readLdd } from './libraries.ts';

test('the libraries and the loader of a program are named, the kernel’s own object is not', () => {
  const text = [
    '\tlinux-vdso.so.1 (0x00007fff0d9d2000)',
    '\tlibdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f1d5c2ab000)',
    '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1d5bd8e000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007f1d5c2c5000)',
  ].join('\n');
  expect(readLdd(text)).toEqual({
    paths: [
      '/lib/x86_64-linux-gnu/libdl.so.2',
      '/lib/x86_64-linux-gnu/libc.so.6',
      '/lib64/ld-linux-x86-64.so.2',
    ],
    missing: [],
  });
});

test('musl names its one library twice, which is bound once', () => {
  const text =
    '\t/lib/ld-musl-x86_64.so.1 (0x7f0000000000)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f0000000000)\n';
  expect(readLdd(text).paths).toEqual(['/lib/ld-musl-x86_64.so.1']);
});

test('a library that is not there is told, not left out', () => {
  expect(readLdd('\tlibstdc++.so.6 => not found\n')).toEqual({
    paths: [],
    missing: ['libstdc++.so.6'],
  });
});

test('a static program has nothing to bind', () => {
  expect(readLdd('\tstatically linked\n')).toEqual({ paths: [], missing: [] });
});
