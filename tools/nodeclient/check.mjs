// Checks the embedded event store node with the official Node.js client, against a
// node without and one with TLS. JEONGSAN names the binary; nodeclient-check.sh
// builds it and runs this.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { Node, certificates, check, close, connect, fails, stream } from "./helpers.mjs";
import { connections, security } from "./security.mjs";
import { reads } from "./reads.mjs";
import { subscriptions } from "./subscriptions.mjs";
import { writes } from "./writes.mjs";

for (const secure of [false, true]) {
  describe(secure ? "with TLS" : "without TLS", () => {
    const node = new Node(secure ? "secure" : "plain", secure ? certificates("certificates") : undefined);
    before(() => node.start());
    after(async () => {
      await close();
      await node.stop();
    });

    describe("appends", () => writes(node));
    describe("reads", () => reads(node));
    describe("connections", () => connections(node));
    if (secure) {
      describe("security", () => security(node));
    }
    describe("subscriptions", () => subscriptions(node));

    check("nothing is left of a node that was stopped", async () => {
      await node.stop();
      const error = await fails(connect(node.address()).appendToStream(stream(), []), Error);
      assert.match(error.message, /UNAVAILABLE|ECONNREFUSED/);
      await node.start();
    });
  });
}
