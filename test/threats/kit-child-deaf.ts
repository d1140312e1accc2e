/** Listens with hardly a backlog and is then stopped: connections beyond it are never answered. Prints its port. */
import net from "node:net";

const server = net.createServer();
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  console.log((server.address() as net.AddressInfo).port);
  process.kill(process.pid, "SIGSTOP");
});
