// Just enough TOML to write a configuration. Strings, numbers and lists are written as in JSON.

const isTable = (value) => typeof value === 'object' && !Array.isArray(value);
const isTableList = (value) => Array.isArray(value) && value.length > 0 && value.every(isTable);

export function toToml(table, path = []) {
  const entries = Object.entries(table);
  const lines = [];
  for (const [key, value] of entries) {
    if (!isTable(value) && !isTableList(value)) lines.push(`${key} = ${JSON.stringify(value)}`);
  }
  for (const [key, value] of entries) {
    const name = [...path, key];
    if (isTable(value)) lines.push('', `[${name.join('.')}]`, toToml(value, name));
    if (isTableList(value)) {
      for (const row of value) lines.push('', `[[${name.join('.')}]]`, toToml(row, name));
    }
  }
  return lines.join('\n');
}
