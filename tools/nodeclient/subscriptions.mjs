// Subscriptions to streams and to $all: filters, checkpoints, and going on where
// one ended, also after the node was restarted.
import assert from "node:assert/strict";
import { before } from "node:test";
import { END, START, eventTypeFilter, excludeSystemEvents, streamNameFilter } from "@eventstore/db-client";
import { Follower, all, check, connect, end, events, fails, numbers, revisions, stream } from "./helpers.mjs";

const ascending = (positions) => positions.every(({ commit }, i) => i === 0 || commit > positions[i - 1].commit);

export function subscriptions(node) {
  let client;
  before(() => (client = connect(node.address())));

  check("a stream from its start, live, and from where that ended", async () => {
    const name = stream();
    await client.appendToStream(name, events(50));
    const first = new Follower(client.subscribeToStream(name, { fromRevision: START }));
    await first.live();
    await first.count(50);
    assert.ok(first.confirmed);
    await client.appendToStream(name, events(10, "Checked", 50));
    await first.count(60);
    assert.deepEqual(numbers(first.events), Array.from({ length: 60 }, (_, i) => i));
    await first.stop();

    await client.appendToStream(name, events(5, "Checked", 60));
    const second = new Follower(client.subscribeToStream(name, { fromRevision: 57n }));
    await second.count(7);
    assert.deepEqual(revisions(second.events), [58, 59, 60, 61, 62, 63, 64], "a start is exclusive");
    await second.stop();

    const onlyNew = new Follower(client.subscribeToStream(name, { fromRevision: END }));
    await onlyNew.live();
    await client.appendToStream(name, events(1, "Checked", 65));
    await onlyNew.count(1);
    assert.deepEqual(revisions(onlyNew.events), [65]);
    await onlyNew.stop();
  });

  check("a stream that does not exist yet is waited for", async () => {
    const name = stream();
    const follower = new Follower(client.subscribeToStream(name));
    await follower.live();
    await client.appendToStream(name, events(1));
    await follower.count(1);
    await follower.stop();
  });

  check("$all without a filter delivers everything, in order, once", async () => {
    const from = await end(client);
    const names = [stream(), stream()];
    const follower = new Follower(client.subscribeToAll({ fromPosition: from }));
    await follower.live();
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => client.appendToStream(names[i % 2], events(25))));
    await follower.count(1_000);
    assert.equal(follower.events.length, 1_000);
    assert.ok(ascending(follower.events.map(({ event }) => event.position)));
    for (const name of names) {
      const ofOne = follower.events.filter(({ event }) => event.streamId === name);
      assert.deepEqual(revisions(ofOne), Array.from({ length: 500 }, (_, i) => i));
    }
    assert.equal(answers.length, 40);
    await follower.stop();
  });

  check("filters of $all by prefix and by expression, of stream and of type", async () => {
    const from = await end(client);
    const mark = stream("filtered");
    await client.appendToStream(`${mark}-a`, events(3, "Opened"));
    await client.appendToStream(`${mark}-b`, events(3, "Closed"));
    await client.appendToStream(`other-${mark}`, events(3, "Opened"));
    await client.setStreamMetadata(`${mark}-a`, { maxCount: 100 });
    const a = [`${mark}-a`, "Opened"];
    const b = [`${mark}-b`, "Closed"];
    const other = [`other-${mark}`, "Opened"];
    const cases = [
      ["stream prefix", streamNameFilter({ prefixes: [mark] }), [a, b]],
      ["stream prefixes", streamNameFilter({ prefixes: ["nothing-", "other-filtered"] }), [other]],
      ["stream expression", streamNameFilter({ regex: `^${mark}-[b-z]$` }), [b]],
      ["type prefix", eventTypeFilter({ prefixes: ["Open", "Nothing"] }), [a, other]],
      ["type expression, searched anywhere", eventTypeFilter({ regex: "lose" }), [b]],
      ["without system events", excludeSystemEvents(), [a, b, other]],
    ];
    for (const [what, filter, expected] of cases) {
      const follower = new Follower(client.subscribeToAll({ fromPosition: from, filter }));
      await follower.live();
      await follower.count(3 * expected.length);
      assert.deepEqual(follower.events.map(({ event }) => [event.streamId, event.type]), expected.flatMap((one) => [one, one, one]), what);
      await follower.stop();
    }
    await fails(client.subscribeToAll({ filter: streamNameFilter({ regex: "(" }) }), Error);
  });

  check("checkpoints: a subscription that goes on from one misses nothing", async () => {
    const from = await end(client);
    const [wanted, noise] = [stream("wanted"), stream("noise")];
    for (let i = 0; i < 20; i++) {
      await client.appendToStream(noise, events(20));
      await client.appendToStream(wanted, events(1, "Checked", i));
    }
    const follow = (fromPosition) => {
      const checkpoints = [];
      const filter = streamNameFilter({
        prefixes: [wanted], maxSearchWindow: 10, checkpointInterval: 2,
        checkpointReached: (_, position) => void checkpoints.push(position),
      });
      return { checkpoints, follower: new Follower(client.subscribeToAll({ fromPosition, filter })) };
    };
    const { checkpoints, follower } = follow(from);
    await follower.live();
    await follower.count(20);
    assert.ok(checkpoints.length >= 10, `420 events examined, an interval of 20, and ${checkpoints.length} checkpoints`);
    assert.ok(ascending(checkpoints), "checkpoints ascend");
    assert.ok(checkpoints.at(-1).commit >= (await end(client)).commit, "the last one is at the end of the log");

    // Of events that do not match, too, there are checkpoints while it is live.
    const seen = checkpoints.length;
    const { position } = await client.appendToStream(noise, events(100));
    await follower.until("a checkpoint past events that do not match", () => checkpoints.length > seen + 1);
    assert.ok(ascending(checkpoints));
    assert.ok(checkpoints.at(-1).commit <= position.commit);
    assert.equal(follower.events.length, 20);
    await follower.stop();

    const resume = checkpoints[Math.floor(checkpoints.length / 3)];
    const expected = follower.events.filter(({ event }) => event.position.commit > resume.commit);
    const again = follow(resume);
    await again.follower.live();
    await again.follower.count(expected.length);
    assert.deepEqual(again.follower.events.map(({ event }) => event.id), expected.map(({ event }) => event.id));
    assert.ok(again.checkpoints.every(({ commit }) => commit > resume.commit));
    await again.follower.stop();
  });

  check("a consumer that stops reading falls behind and loses nothing", async () => {
    const name = stream();
    const subscription = client.subscribeToAll({ fromPosition: await end(client), filter: streamNameFilter({ prefixes: [name] }) });
    const follower = new Follower(subscription);
    await follower.live();
    subscription.pause();
    for (let i = 0; i < 20; i++) {
      await client.appendToStream(name, Array.from({ length: 50 }, (_, j) => ({ ...events(1, "Checked", 50 * i + j)[0], metadata: { filler: "x".repeat(4_000) } })));
    }
    const asides = follower.events.length;
    assert.ok(asides < 1_000, "it did not read meanwhile");
    subscription.resume();
    await follower.count(1_000);
    assert.deepEqual(numbers(follower.events), Array.from({ length: 1_000 }, (_, i) => i));
    await follower.stop();
  });

  check("the node is restarted: a subscriber is told and goes on from its last event", async () => {
    const name = stream();
    await client.appendToStream(name, events(10));
    const follower = new Follower(client.subscribeToAll({ filter: streamNameFilter({ prefixes: [name] }) }));
    const unfiltered = new Follower(client.subscribeToStream(name));
    await follower.count(10);
    await unfiltered.count(10);
    await node.stop();
    await follower.failed();
    await unfiltered.failed();
    await node.start();

    const fresh = connect(node.address());
    assert.equal((await fresh.appendToStream(name, events(5, "Checked", 10), { expectedRevision: 9n })).nextExpectedRevision, 14n);
    const { position } = follower.events.at(-1).event;
    const resumed = new Follower(fresh.subscribeToAll({ fromPosition: position, filter: streamNameFilter({ prefixes: [name] }) }));
    await resumed.count(5);
    assert.deepEqual(numbers(resumed.events), [10, 11, 12, 13, 14]);
    await resumed.stop();
    assert.equal((await all(fresh.readStream(name))).length, 15);
  });
}
