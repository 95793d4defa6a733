// What a ticket says, read without any key: its bytes as `core/src/quote/ticket.rs` lays them out.

/** The quantity and the amount that a ticket was made for. */
export function ticketSays(text) {
  const bytes = Buffer.from(text, 'base64url');
  let at = 5; // behind the version and the key's id
  const extends_ = bytes[at++] === 1;
  if (extends_) at += 16;
  at += 1 + bytes[at]; // the asset's id
  const number = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const [, quantity, , amount] = [number(), number(), number(), number()];
  return { quantity: Number(quantity), amount: `${amount}` };
}
