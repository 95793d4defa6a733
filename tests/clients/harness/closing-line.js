// A reporter that ends with one line that tells the result.

export default async function* closingLine(source) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    if (data.skip !== undefined) count.skipped += 1;
    else count[type === 'test:pass' ? 'passed' : 'failed'] += 1;
  }
  const skipped = count.skipped ? `, ${count.skipped} skipped` : '';
  yield `${count.passed} passed, ${count.failed} failed${skipped}\n`;
}
