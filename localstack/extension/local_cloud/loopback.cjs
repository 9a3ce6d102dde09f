// Loaded before the emulator's Kinesis, which listens on all addresses: every server of its process listens on 127.0.0.1.
const { Server } = require("node:net");

const LOOPBACK = "127.0.0.1";
const listen = Server.prototype.listen;

Server.prototype.listen = function (first, ...rest) {
  if (first !== null && typeof first === "object") {
    return listen.call(this, { ...first, host: LOOPBACK }, ...rest);
  }
  const others = typeof rest[0] === "string" ? rest.slice(1) : rest;
  return listen.call(this, first, LOOPBACK, ...others);
};
