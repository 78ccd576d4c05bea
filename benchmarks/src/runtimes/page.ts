// The page that asks the questions, and the server that hands it out and takes its rows. It is isolated (the two
// headers), so that a browser's clock has steps of 5 or 20 µs instead of 100 and more.
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { PortableSettings } from "../portable.js";
import type { Row } from "../row.js";

const DIST = new URL("./", import.meta.url);
const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".wasm": "application/wasm" };

/** What the page says: a row, a question that failed, or the end (of everything, by its own word). */
export type Told = { readonly row: Row } | { readonly failure: string } | { readonly ended: true };

export interface PageServer {
  readonly url: string;
  close(): void;
}

/** Serves the page on a free port of this machine; `take` gets what it says. */
export async function servePage(settings: PortableSettings, take: (told: Told) => void): Promise<PageServer> {
  const page = `<!doctype html><title>bench</title><script type="module">
    import { askPortable } from "./portable.js";
    const tell = (told) => fetch("/told", { method: "POST", body: JSON.stringify(told) });
    askPortable(${JSON.stringify(settings)}, (row) => tell({ row }), (failure) => tell({ failure }))
      .then(() => tell({ ended: true }), (error) => tell({ failure: String(error) }).then(() => tell({ ended: true })));
  </script>`;
  const server = createServer(async (request, response) => {
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const file = builtFile(request);
    if (request.url === "/") response.setHeader("Content-Type", "text/html").end(page);
    else if (request.url === "/told") {
      take(JSON.parse(await text(request)) as Told);
      response.end();
    } else if (file === null) response.writeHead(404).end();
    else
      await readFile(file.at).then(
        (bytes) => response.setHeader("Content-Type", file.type).end(bytes),
        () => response.writeHead(404).end(),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function builtFile({ url = "" }: IncomingMessage): { at: URL; type: string } | null {
  const name = /^\/([\w-]+)(\.\w+)$/.exec(url);
  const type = TYPES[name?.[2] ?? ""];
  return type === undefined ? null : { at: new URL(`.${url}`, DIST), type };
}
