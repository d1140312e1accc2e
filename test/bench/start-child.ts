/** Begins portside, and prints how many milliseconds that took: from before `import` until it listens. */
const begun = performance.now();
const { Server } = await import("portside");
const server = new Server({ host: "127.0.0.1", port: 0 });
await server.listen();
console.log(performance.now() - begun);
await server.close();
