// What the checks share: running nodes, connecting to them, and collecting what
// reads and subscriptions deliver.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { BACKWARDS, END, EventStoreDBClient, binaryEvent, jsonEvent } from "@eventstore/db-client";

// patience bounds, in milliseconds, everything that is waited for.
export const patience = 60_000;

const binary = process.env.JEONGSAN;
assert.ok(binary, "JEONGSAN does not name the binary to check");

/** A check that is cut off where it hangs: appends of this client wait for ever. */
export const check = (name, body) => test(name, { timeout: 3 * patience }, body);

/** A folder for the whole run, removed when the process ends. */
export const work = mkdtempSync(join(tmpdir(), "nodeclient-"));

/** Makes a CA and a certificate for localhost and returns their folder. */
export function certificates(name) {
  const dir = join(work, name);
  const made = spawnSync(binary, ["node", "certs", "--dir", dir, "--host", "localhost"], { encoding: "utf8" });
  assert.equal(made.status, 0, `node certs: ${made.stderr}`);
  return dir;
}

const nodes = new Set();
process.on("exit", () => {
  nodes.forEach((running) => running.kill("SIGKILL")); // where the checks were cut off
  rmSync(work, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => process.exit(1));
}

/** A node as a process of its own; it can be stopped and started on the same log. */
export class Node {
  constructor(name, certs) {
    this.certs = certs;
    this.data = join(work, name);
    this.port = 0;
  }

  async start() {
    const args = ["node", "--data", this.data, "--listen", `127.0.0.1:${this.port}`];
    if (this.certs) {
      args.push("--tls-cert", join(this.certs, "node.crt"), "--tls-key", join(this.certs, "node.key"));
    }
    this.process = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    nodes.add(this.process);
    this.log = "";
    this.process.stderr.on("data", (text) => (this.log += text));
    this.ended = new Promise((resolve) => this.process.on("exit", (code, signal) => resolve({ code, signal })));
    const late = setTimeout(() => this.process.kill("SIGABRT"), patience); // it then says where it hangs
    const line = await Promise.race([
      new Promise((resolve) => createInterface({ input: this.process.stdout }).once("line", resolve)),
      this.ended,
    ]);
    clearTimeout(late);
    assert.equal(typeof line, "string", `the node did not start:\n${this.log}`);
    this.port = Number(line.match(/:(\d+)(\/|\?|$)/)?.[1]);
    assert.ok(this.port > 0, `the node printed ${line}, which is no connection string`);
  }

  /** Stops the node as an operator would; it must end by itself, without an error. */
  async stop() {
    this.process.kill("SIGTERM");
    const late = setTimeout(() => this.process.kill("SIGABRT"), patience);
    const ended = await this.ended;
    clearTimeout(late);
    assert.deepEqual(ended, { code: 0, signal: null }, `the node did not end well:\n${this.log}`);
  }

  /**
   * The connection string: as the administrator, or as "user:password", or as
   * nobody with "". parameters are added to it.
   */
  address(user = "admin:changeit", parameters = "", scheme = "esdb") {
    const security = this.certs ? `tls=true&tlsCAFile=${join(this.certs, "ca.crt")}` : "tls=false";
    return `${scheme}://${this.certs && user ? `${user}@` : ""}localhost:${this.port}?${security}${parameters}`;
  }
}

const channels = new Set();

/** Connects; close() ends all connections made here. */
export function connect(address) {
  const client = EventStoreDBClient.connectionString(address);
  channels.add(client);
  return client;
}

/** Ends the calls and connections of all clients, which otherwise keep the process alive. */
export async function close() {
  for (const client of channels) {
    await client.dispose();
    try {
      (await client.getChannel()).close();
    } catch {
      // a client that never found its node has no connection
    }
  }
  channels.clear();
}

export const stream = (prefix = "check") => `${prefix}-${randomUUID()}`;

/** JSON events, numbered, with ids of their own. */
export const events = (count, type = "Checked", first = 0) =>
  Array.from({ length: count }, (_, i) => jsonEvent({ type, data: { number: first + i }, metadata: { by: "check" } }));

export { binaryEvent };

/** Everything that a read delivers. */
export async function all(read) {
  const found = [];
  for await (const resolved of read) {
    found.push(resolved);
  }
  return found;
}

export const revisions = (found) => found.map(({ event }) => Number(event.revision));
export const numbers = (found) => found.map(({ event }) => event.data.number);

/** The position of the newest event in the log. */
export async function end(client) {
  const [last] = await all(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }));
  return last.event.position;
}

/** Asserts that a promise or a read fails with this kind of error and returns it. */
export async function fails(what, kind) {
  let failure;
  try {
    const result = await (Symbol.asyncIterator in what ? all(what) : what);
    assert.fail(`expected ${kind.name}, but it succeeded: ${show(result)}`);
  } catch (error) {
    if (error instanceof assert.AssertionError) {
      throw error;
    }
    failure = error;
  }
  assert.ok(failure instanceof kind, `expected ${kind.name}, found ${failure.constructor.name}: ${failure.message}`);
  return failure;
}

const show = (value) => JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}` : v));

/** Follows a subscription and keeps what it delivered. */
export class Follower {
  constructor(subscription) {
    this.subscription = subscription;
    this.events = [];
    this.caughtUp = 0;
    this.confirmed = false;
    this.failure = undefined;
    this.woken = () => {};
    const note = (change) => (value) => {
      change(value);
      this.woken();
    };
    subscription.on("data", note((resolved) => this.events.push(resolved)));
    subscription.on("caughtUp", note(() => this.caughtUp++));
    subscription.on("confirmation", note(() => (this.confirmed = true)));
    subscription.on("error", note((error) => (this.failure = error)));
    subscription.on("end", note(() => (this.failure ??= new Error("the subscription ended"))));
  }

  /** Waits until a condition holds; failing is an error unless it is waited for. */
  async until(what, holds) {
    const deadline = Date.now() + patience;
    while (!holds()) {
      if (this.failure) {
        throw new Error(`waiting for ${what}: ${this.failure.message}`, { cause: this.failure });
      }
      assert.ok(Date.now() < deadline, `no ${what} after ${patience} ms: ${this.events.length} events, caught up ${this.caughtUp} times`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.woken = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  count(n) {
    return this.until(`${n} events`, () => this.events.length >= n);
  }

  live() {
    return this.until("word that it has caught up", () => this.caughtUp > 0);
  }

  /** Waits for the subscription to fail and returns why. */
  async failed() {
    await this.until("failure", () => this.failure);
    return this.failure;
  }

  async stop() {
    await this.subscription.unsubscribe();
  }
}
