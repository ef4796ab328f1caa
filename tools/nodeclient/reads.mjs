// Reads both ways, links, metadata, soft deletes and tombstones.
import assert from "node:assert/strict";
import { before } from "node:test";
import {
  ANY, BACKWARDS, END, FORWARDS, NO_STREAM, START, STREAM_EXISTS, StreamDeletedError, StreamNotFoundError, WrongExpectedVersionError, binaryEvent,
} from "@eventstore/db-client";
import { Follower, all, check, connect, end, events, fails, numbers, revisions, stream } from "./helpers.mjs";

export function reads(node) {
  let client;
  before(() => (client = connect(node.address())));
  const read = (name, options) => all(client.readStream(name, options));

  check("a stream forwards and backwards", async () => {
    const name = stream();
    await client.appendToStream(name, events(100));
    const up = Array.from({ length: 100 }, (_, i) => i);
    const down = [...up].reverse();
    assert.deepEqual(revisions(await read(name)), up);
    assert.deepEqual(revisions(await read(name, { fromRevision: START, direction: FORWARDS, maxCount: 40 })), up.slice(0, 40));
    assert.deepEqual(revisions(await read(name, { fromRevision: 97n })), [97, 98, 99]);
    assert.deepEqual(revisions(await read(name, { fromRevision: 100n })), [], "beyond the end");
    assert.deepEqual(revisions(await read(name, { fromRevision: END, direction: BACKWARDS })), down);
    assert.deepEqual(revisions(await read(name, { fromRevision: 50n, direction: BACKWARDS, maxCount: 3 })), [50, 49, 48]);
    assert.deepEqual(revisions(await read(name, { fromRevision: 500n, direction: BACKWARDS, maxCount: 2 })), [99, 98]);
    assert.deepEqual(revisions(await read(name, { fromRevision: START, direction: BACKWARDS })), [0]);
  });

  check("a stream that does not exist", async () => {
    const name = stream();
    for (const direction of [FORWARDS, BACKWARDS]) {
      const error = await fails(client.readStream(name, { direction, fromRevision: direction === FORWARDS ? START : END }), StreamNotFoundError);
      assert.equal(error.streamName, name);
    }
  });

  check("$all forwards and backwards", async () => {
    const before = await end(client);
    const name = stream();
    await client.appendToStream(name, events(5));
    const later = await all(client.readAll({ fromPosition: before }));
    assert.deepEqual(later[0].event.position, before, "forwards begins with the position itself");
    assert.deepEqual(numbers(later.slice(1)), [0, 1, 2, 3, 4]);
    const positions = later.map(({ event }) => event.position.commit);
    assert.ok(positions.every((p, i) => i === 0 || p > positions[i - 1]), "positions ascend");
    const back = await all(client.readAll({ direction: BACKWARDS, fromPosition: later[3].event.position, maxCount: 2 }));
    assert.deepEqual(back.map(({ event }) => event.position.commit), [positions[2], positions[1]], "backwards begins below the position");
    assert.deepEqual(await all(client.readAll({ direction: BACKWARDS, fromPosition: START })), []);
    assert.deepEqual(await all(client.readAll({ fromPosition: END })), []);
    const up = await all(client.readAll());
    const down = await all(client.readAll({ direction: BACKWARDS, fromPosition: END }));
    const ids = (found) => found.map(({ event }) => event.id);
    assert.deepEqual(ids(down.reverse()), ids(up));
    assert.ok(up.some(({ event }) => event.streamId === "$users"), "the events of the system are there");
  });

  check("links are resolved where that is asked for", async () => {
    const [target, links] = [stream("target"), stream("links")];
    await client.appendToStream(target, events(2));
    const link = (to) => binaryEvent({ type: "$>", data: Buffer.from(to) });
    await client.appendToStream(links, [link(`1@${target}`), link(`9@${target}`), link(`0@${stream()}`), ...events(1)]);
    const plain = await read(links);
    assert.deepEqual(plain.map(({ event, link }) => [event?.type, link?.type]), [["$>", undefined], ["$>", undefined], ["$>", undefined], ["Checked", undefined]]);
    const resolved = await read(links, { resolveLinkTos: true });
    assert.deepEqual(resolved.map(({ event, link }) => [event?.streamId, link?.streamId]), [
      [target, links], [undefined, links], [undefined, links], [links, undefined],
    ]);
    assert.equal(resolved[0].event.revision, 1n);
    assert.equal(resolved[0].link.revision, 0n);
  });

  check("metadata: set, read and obeyed", async () => {
    const name = stream();
    assert.deepEqual(await client.getStreamMetadata(name), { streamName: name });
    await client.appendToStream(name, events(10));
    const metadata = {
      maxCount: 4, cacheControl: 15, maxAge: 3_600, owner: "check", acl: { readRoles: ["$all", "ops"], writeRoles: "$admins" },
    };
    const set = await client.setStreamMetadata(name, metadata, { expectedRevision: NO_STREAM });
    assert.equal(set.nextExpectedRevision, 0n);
    assert.deepEqual((await client.getStreamMetadata(name)).metadata, metadata);
    assert.deepEqual(revisions(await read(name)), [6, 7, 8, 9]);
    assert.deepEqual(revisions(await read(name, { direction: BACKWARDS, fromRevision: END })), [9, 8, 7, 6]);
    await fails(client.setStreamMetadata(name, {}, { expectedRevision: NO_STREAM }), WrongExpectedVersionError);
    await client.setStreamMetadata(name, { truncateBefore: 8 }, { expectedRevision: 0n });
    assert.deepEqual((await client.getStreamMetadata(name)).metadata, { truncateBefore: 8 });
    assert.deepEqual(revisions(await read(name)), [8, 9]);
    assert.deepEqual(revisions(await read(`$$${name}`)), [1], "of metadata only the newest is kept");
    await client.setStreamMetadata(name, { truncateBefore: 50 });
    assert.deepEqual(await read(name), [], "all truncated is not missing");
    const [last] = await all(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }));
    assert.deepEqual([last.event.streamId, last.event.type], [`$$${name}`, "$metadata"]);
  });

  check("a soft delete, and the stream created again", async () => {
    const name = stream();
    const before = await end(client);
    await client.appendToStream(name, events(3));
    const deleted = await client.deleteStream(name, { expectedRevision: 2n });
    assert.ok(deleted.position.commit > before.commit);
    await fails(client.readStream(name), StreamNotFoundError);
    await fails(client.appendToStream(name, events(1), { expectedRevision: STREAM_EXISTS }), StreamDeletedError);
    assert.deepEqual(await client.deleteStream(name).then(({ position }) => position.commit > deleted.position.commit), true, "deleting again succeeds");
    assert.equal((await client.appendToStream(name, events(2, "Again"), { expectedRevision: NO_STREAM })).nextExpectedRevision, 4n);
    assert.deepEqual(revisions(await read(name)), [3, 4]);
    assert.deepEqual((await client.getStreamMetadata(name)).metadata, { truncateBefore: 3 });
    const inLog = await all(client.readAll({ fromPosition: before }));
    assert.deepEqual(revisions(inLog.filter(({ event }) => event.streamId === name)), [0, 1, 2, 3, 4], "$all keeps what was deleted");
  });

  check("a delete with a wrong version names both versions", async () => {
    const name = stream();
    await client.appendToStream(name, events(3));
    for (const remove of ["deleteStream", "tombstoneStream"]) {
      const wrong = await fails(client[remove](name, { expectedRevision: 7n }), WrongExpectedVersionError);
      assert.deepEqual([wrong.streamName, wrong.expectedVersion, wrong.actualVersion], [name, 7n, 2n], remove);
    }
    const missing = await fails(client.deleteStream(stream(), { expectedRevision: ANY }), WrongExpectedVersionError);
    assert.equal(missing.actualVersion, -1n);
  });

  check("a tombstone is final", async () => {
    const name = stream();
    await client.appendToStream(name, events(2));
    const follower = new Follower(client.subscribeToStream(name));
    await follower.live();
    const { position } = await client.tombstoneStream(name, { expectedRevision: 1n });
    assert.ok(position.commit > 0n);
    await follower.count(3);
    assert.equal(follower.events[2].event.type, "$streamDeleted");
    assert.ok((await follower.failed()) instanceof StreamDeletedError, "who follows it is told");

    const attempts = {
      read: () => client.readStream(name),
      "read backwards": () => client.readStream(name, { direction: BACKWARDS, fromRevision: END }),
      append: () => client.appendToStream(name, events(1)),
      "append with an expectation": () => client.appendToStream(name, events(1), { expectedRevision: 1n }),
      delete: () => client.deleteStream(name),
      tombstone: () => client.tombstoneStream(name),
      metadata: () => client.setStreamMetadata(name, { maxCount: 1 }),
      "subscribe": () => client.subscribeToStream(name),
    };
    for (const [what, attempt] of Object.entries(attempts)) {
      const error = await fails(attempt(), StreamDeletedError);
      assert.ok([name, `$$${name}`].includes(error.streamName), `${what}: ${error.streamName}`);
    }
    const never = stream();
    await client.tombstoneStream(never, { expectedRevision: NO_STREAM });
    await fails(client.appendToStream(never, events(1), { expectedRevision: NO_STREAM }), StreamDeletedError);
  });
}
