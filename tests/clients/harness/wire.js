// x402 on the wire, for tests that read or change what the clients send.

export const decode = (header) => JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
export const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64');

/** Returns the settlement response in a response's headers (either version), or null. */
export function settlement(response) {
  const header = response.headers.get('payment-response') ?? response.headers.get('x-payment-response');
  return header === null ? null : decode(header);
}

export const bearer = (token) => ({ authorization: `Bearer ${token}` });

/** Returns a JSON request body as `fetch` options. */
export const json = (value, headers = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(value),
});
