// Runs cases one after the other, each within a time, and ends with the line that tests/run reads.
import assert from 'node:assert/strict';

const cases = [];

// `run` may be asynchronous. What it opens it hands to `later`, which closes it whatever happens.
export function test(name, run) {
  cases.push({ name, run });
}

const limit = 120_000; // For a machine under load; a case takes a second or two.

export async function runAll() {
  let passed = 0;
  let failed = 0;
  for (const { name, run } of cases) {
    const closers = [];
    let timer;
    try {
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no end within ${limit / 1000} s`)), limit);
      });
      await Promise.race([run({ later: (close) => closers.push(close) }), late]);
      passed += 1;
      console.log(`ok: ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED: ${name}\n${error.stack}`);
    } finally {
      clearTimeout(timer);
      for (const close of closers.reverse()) await Promise.resolve(close()).catch(() => {});
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed || !passed ? 1 : 0);
}

// Waits until `condition` holds.
export async function until(condition, what) {
  const end = Date.now() + limit;
  for (;;) {
    if (await condition()) return;
    assert.ok(Date.now() < end, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
