// The WebSocket of the platform where there is one (browsers, Node 22 and later), else the one of
// the `ws` package.

/** As much of a WebSocket as both have. */
export interface Socket {
  readonly readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: 'error', listener: () => void): void;
}

export const SOCKET_OPEN = 1;

export async function openSocket(url: string): Promise<Socket> {
  if (typeof globalThis.WebSocket === 'function') return new globalThis.WebSocket(url);
  const { WebSocket } = await import('ws');
  return new WebSocket(url, { perMessageDeflate: false });
}
