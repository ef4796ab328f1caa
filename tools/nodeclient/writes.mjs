// Appends, their idempotency and their refusals, through BatchAppend and Append.
import assert from "node:assert/strict";
import {
  ANY, BACKWARDS, DeadlineExceededError, END, MaxAppendSizeExceededError, NO_STREAM, STREAM_EXISTS, WrongExpectedVersionError,
} from "@eventstore/db-client";
import { all, binaryEvent, check, connect, events, fails, numbers, revisions, stream } from "./helpers.mjs";

const batchAppend = { path: "/event_store.client.streams.Streams/BatchAppend" };

export function writes(node) {
  let client;
  // The client uses Append for calls with credentials of their own.
  const paths = { BatchAppend: {}, Append: { credentials: { username: "admin", password: "changeit" } } };
  check("connect", async () => {
    client = connect(node.address());
    const capabilities = await client.capabilities;
    assert.match(capabilities.serverVersion, /^\d+\.\d+\.\d+$/);
    assert.ok(capabilities.supports(batchAppend), "BatchAppend is listed, so that the client uses it");
  });

  for (const [path, options] of Object.entries(paths)) {
    const append = (name, proposed, expectedRevision) => client.appendToStream(name, proposed, { expectedRevision, ...options });

    check(`${path}: what is appended is read back`, async () => {
      const name = stream();
      const json = events(2);
      const binary = binaryEvent({ type: "Bytes", data: Uint8Array.of(0, 255, 10), metadata: Uint8Array.of(1, 0, 254) });
      const first = await append(name, json, NO_STREAM);
      assert.equal(first.success, true);
      assert.equal(first.nextExpectedRevision, 1n);
      assert.ok(first.position.commit > 0n && first.position.commit === first.position.prepare);
      const second = await append(name, binary, 1n);
      assert.equal(second.nextExpectedRevision, 2n);
      assert.ok(second.position.commit > first.position.commit);

      const found = await all(client.readStream(name));
      assert.deepEqual(found.map(({ event }) => event.id), [...json, binary].map(({ id }) => id));
      assert.deepEqual(revisions(found), [0, 1, 2]);
      assert.deepEqual(found[0].event.data, { number: 0 });
      assert.deepEqual(found[0].event.metadata, { by: "check" });
      assert.equal(found[0].event.type, "Checked");
      assert.equal(found[0].event.isJson, true);
      assert.equal(found[0].event.streamId, name);
      assert.ok(Math.abs(found[0].event.created - Date.now()) < 3_600_000, "the time of the append is about now");
      assert.equal(found[2].event.isJson, false);
      assert.deepEqual([...found[2].event.data], [0, 255, 10]);
      assert.deepEqual([...found[2].event.metadata], [1, 0, 254]);
      assert.deepEqual(found[2].event.position, second.position);
    });

    check(`${path}: a retry of the same events writes nothing`, async () => {
      const name = stream();
      const proposed = events(3);
      const first = await append(name, proposed, NO_STREAM);
      await append(name, events(1), 2n);
      for (const expected of [NO_STREAM, ANY, STREAM_EXISTS]) {
        const again = await append(name, proposed, expected);
        assert.deepEqual(again, first, `expected ${expected}`);
      }
      assert.deepEqual((await append(name, proposed.slice(1), 0n)).nextExpectedRevision, 2n, "the end of an older append");
      assert.deepEqual(revisions(await all(client.readStream(name))), [0, 1, 2, 3]);
      const mixed = await fails(append(name, [proposed[2], ...events(1)], 1n), WrongExpectedVersionError);
      assert.equal(mixed.actualVersion, 3n);
      await fails(append(name, [proposed[0], ...events(1)], ANY), WrongExpectedVersionError);
    });

    check(`${path}: a wrong version names both versions`, async () => {
      const name = stream();
      for (const [expected, actual] of [[3n, "no_stream"], [STREAM_EXISTS, "no_stream"]]) {
        const wrong = await fails(append(name, events(1), expected), WrongExpectedVersionError);
        assert.deepEqual([wrong.streamName, wrong.expectedVersion, wrong.actualVersion], [name, expected, actual]);
      }
      await append(name, events(3), NO_STREAM);
      for (const expected of [NO_STREAM, 1n, 7n]) {
        const wrong = await fails(append(name, events(1), expected), WrongExpectedVersionError);
        assert.deepEqual([wrong.streamName, wrong.expectedVersion, wrong.actualVersion], [name, expected, 2n]);
      }
      assert.equal((await append(name, events(1), 2n)).nextExpectedRevision, 3n);
    });

    check(`${path}: a wrong version as an answer instead of an error`, async () => {
      const tolerant = connect(node.address(undefined, "&throwOnAppendFailure=false"));
      const answer = await tolerant.appendToStream(stream(), events(1), { expectedRevision: 3n, ...options });
      assert.deepEqual([answer.success, answer.nextExpectedRevision], [false, -1n]);
    });

    check(`${path}: an append above the limit is refused, and the next is not`, async () => {
      const name = stream();
      const large = (bytes) => binaryEvent({ type: "Large", data: new Uint8Array(bytes) });
      const refused = await fails(append(name, [large(700_000), large(700_000)], NO_STREAM), MaxAppendSizeExceededError);
      assert.equal(refused.maxAppendSize, 1_048_576);
      const size = 1_048_576 - 2 * "Large".length;
      await fails(append(name, large(size + 1), NO_STREAM), MaxAppendSizeExceededError);
      assert.equal((await append(name, large(size), NO_STREAM)).nextExpectedRevision, 0n, "exactly the limit");
    });
  }

  check("BatchAppend: many appends in flight, each with its own answer", async () => {
    const names = Array.from({ length: 20 }, () => stream());
    const answers = await Promise.all(names.flatMap((name) => Array.from({ length: 10 }, () => client.appendToStream(name, events(3)))));
    assert.equal(new Set(answers.map(({ position }) => position.commit)).size, 200);
    for (const [i, name] of names.entries()) {
      const ends = answers.slice(i * 10, i * 10 + 10).map(({ nextExpectedRevision }) => Number(nextExpectedRevision));
      assert.deepEqual(ends.sort((a, b) => a - b), [2, 5, 8, 11, 14, 17, 20, 23, 26, 29]);
      assert.equal((await all(client.readStream(name))).length, 30);
    }
    const racing = stream();
    const raced = await Promise.allSettled(names.map(() => client.appendToStream(racing, events(1), { expectedRevision: NO_STREAM })));
    assert.equal(raced.filter(({ status }) => status === "fulfilled").length, 1, "one of many with the same expectation wins");
  });

  check("BatchAppend: an append in many messages is one append", async () => {
    const name = stream();
    const answer = await client.appendToStream(name, events(100), { expectedRevision: NO_STREAM, batchAppendSize: 400 });
    assert.equal(answer.nextExpectedRevision, 99n);
    assert.deepEqual(numbers(await all(client.readStream(name))), Array.from({ length: 100 }, (_, i) => i));
  });

  check("BatchAppend: a deadline in the past is refused, and nothing is written", async () => {
    const name = stream();
    await fails(client.appendToStream(name, events(1), { deadline: -60_000 }), DeadlineExceededError);
    assert.equal((await client.appendToStream(name, events(1), { expectedRevision: NO_STREAM })).nextExpectedRevision, 0n);
  });

  check("the newest event is the last appended", async () => {
    const name = stream();
    const { position } = await client.appendToStream(name, events(2));
    const [last] = await all(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }));
    assert.deepEqual(last.event.position, position);
  });
}
