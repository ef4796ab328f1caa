// Certificates, credentials, access lists, discovery, and what is left out on purpose.
import assert from "node:assert/strict";
import {
  AccessDeniedError, BACKWARDS, END, excludeSystemEvents, persistentSubscriptionToStreamSettingsFromDefaults,
} from "@eventstore/db-client";
import { Follower, all, certificates, check, connect, events, fails, stream } from "./helpers.mjs";

const unimplemented = 12;
const permissionDenied = 7;
const unauthenticated = 16;

/** Checks that need no TLS. */
export function connections(node) {
  check("discovery by gossip finds the node", async () => {
    const client = connect(node.address(undefined, "", "esdb+discover"));
    const name = stream();
    await client.appendToStream(name, events(1));
    assert.equal((await all(client.readStream(name))).length, 1);
  });

  check("persistent subscriptions are left out, and say so", async () => {
    const client = connect(node.address());
    const error = await fails(client.createPersistentSubscriptionToStream(stream(), "group", persistentSubscriptionToStreamSettingsFromDefaults()), Error);
    assert.equal(error.code, unimplemented, error.message);
  });
}

/** Checks of a node with TLS. */
export function security(node) {
  const as = (user) => connect(node.address(user));
  const denied = async (what, code) => {
    const error = await fails(what, AccessDeniedError);
    if (error.code !== undefined) { // BatchAppend has none
      assert.equal(error.code, code, error.message);
    }
  };

  check("a certificate of another authority is not trusted", async () => {
    const other = certificates("another-authority");
    const client = connect(node.address().replace(node.certs, other));
    const error = await fails(client.appendToStream(stream(), events(1)), Error);
    assert.match(error.message, /UNAVAILABLE.*certificate/);
  });

  check("a wrong password or user is refused everywhere", async () => {
    for (const user of ["admin:wrong", "nobody:changeit"]) {
      const client = as(user);
      await denied(client.appendToStream(stream(), events(1)), unauthenticated);
      await denied(client.readStream(stream()), unauthenticated);
      await denied(client.readAll({ maxCount: 1 }), unauthenticated);
      await denied(client.subscribeToAll(), unauthenticated);
      await denied(client.deleteStream(stream()), unauthenticated);
    }
    const [username, password] = ["admin", "wrong"];
    await denied(as().readStream(stream(), { credentials: { username, password } }), unauthenticated);
    await denied(as().appendToStream(stream(), events(1), { credentials: { username, password } }), unauthenticated);
  });

  check("nobody may read or append without credentials, but connect and discover", async () => {
    const client = as("");
    assert.match((await client.capabilities).serverVersion, /^\d+\./);
    await denied(client.appendToStream(stream(), events(1)), permissionDenied);
    await denied(client.readStream(stream()), permissionDenied);
    await denied(client.readAll(), permissionDenied);
    await denied(client.subscribeToStream(stream()), permissionDenied);
    const name = stream();
    const credentials = { username: "admin", password: "changeit" };
    const answer = await client.appendToStream(name, events(1), { credentials });
    assert.equal(answer.nextExpectedRevision, 0n, "credentials of the call itself");
    assert.equal((await all(client.readStream(name, { credentials }))).length, 1);
  });

  check("streams of users are open to users, those of the system and $all to administrators", async () => {
    const [admin, ops] = [as(), as("ops:changeit")];
    const name = stream();
    await ops.appendToStream(name, events(1));
    assert.equal((await all(ops.readStream(name))).length, 1);
    await denied(ops.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }), permissionDenied);
    await denied(ops.subscribeToAll({ filter: excludeSystemEvents() }), permissionDenied);
    await denied(ops.readStream("$users"), permissionDenied);
    await denied(ops.appendToStream(`$${name}`, events(1)), permissionDenied);
    assert.ok((await all(admin.readStream("$users"))).length >= 1);
    await admin.appendToStream(`$${name}`, events(1));
  });

  check("an access list opens and closes a stream, also for who follows it", async () => {
    const [admin, ops] = [as(), as("ops:changeit")];
    const name = stream();
    await admin.appendToStream(name, events(1));
    await admin.setStreamMetadata(name, { acl: { readRoles: ["ops"], writeRoles: ["$admins"] } });
    assert.equal((await all(ops.readStream(name))).length, 1);
    await denied(ops.appendToStream(name, events(1)), permissionDenied);
    await admin.appendToStream(name, events(1));
    const follower = new Follower(ops.subscribeToStream(name));
    await follower.live();
    await follower.count(2);
    await admin.setStreamMetadata(name, { acl: { readRoles: ["$admins"] } });
    assert.ok((await follower.failed()) instanceof AccessDeniedError);
    await denied(ops.readStream(name), permissionDenied);
    assert.equal((await all(admin.readStream(name))).length, 2);
  });
}
