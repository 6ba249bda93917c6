/**
 * A vitest reporter that says which tests were skipped and what each one lacks: a test that needs something from
 * outside calls `context.skip("libsimgrid-dev is not installed")`, and that note must not get lost in a count.
 */
export default class SkipReporter {
  /** Whether tests were picked by name: then the others are skipped by wish, and nothing has to be said about them. */
  #isFiltered = false;

  /** @param {import("vitest/node").Vitest} vitest */
  onInit(vitest) {
    this.#isFiltered = vitest.config.testNamePattern !== undefined;
  }

  /** @param {ReadonlyArray<import("vitest/node").TestModule>} testModules */
  onTestRunEnd(testModules) {
    for (const testModule of testModules) {
      for (const test of testModule.children.allTests("skipped")) {
        const result = test.result();
        const note = result.state === "skipped" ? result.note : undefined;
        if (note === undefined && this.#isFiltered) continue;
        console.log(`skipped: ${test.fullName}: ${note ?? "no reason given"}`);
      }
    }
  }
}
