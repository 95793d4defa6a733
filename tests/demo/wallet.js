// The demo's wallet: a Wallet Standard wallet with play money, and a strip with a lamp to see what was bought. Only
// `coinop-demo` serves this file; no product contains it. There is no key here: the demo's program signs, after the person
// has approved.
// The page permits no HTML from strings and no inline styles, so everything is built from elements and has classes.

const CHAIN = 'solana:devnet';
const NAME = 'Demo wallet (play money)';
const ICON = `data:image/svg+xml;base64,${btoa(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#5b3df5"/>' +
    '<circle cx="16" cy="16" r="9" fill="#ffd34d"/><path d="M16 10v12M13 13h6M13 19h6" stroke="#5b3df5" stroke-width="2"/></svg>',
)}`;

const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

/** Makes an element. `parts` are elements and texts. */
function element(name, className, ...parts) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...parts);
  return made;
}

/** Asks the demo's program. Throws its words if it refuses. */
async function ask(name, body) {
  const post = body && {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`/demo/${name}`, { cache: 'no-store', ...post });
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(json.detail ?? `The demo answers ${answer.status}.`);
  return json;
}

// ---- Asking the person

/** What a person's refusal is for a page: the code is that of all wallets. */
class Declined extends Error {
  constructor() {
    super('User rejected the request.');
    this.code = 4001;
  }
}

/**
 * Opens a dialog with a question, its details and a note, and resolves when the person approves. Closing it in any other
 * way declines.
 */
function open(question, details, note) {
  return new Promise((resolve, reject) => {
    const decline = element('button', 'demo-wallet-decline', 'Decline');
    const approve = element('button', 'demo-wallet-approve', 'Approve');
    const title = element('h2', 'demo-wallet-question', question);
    title.id = 'demo-wallet-question';
    const dialog = element(
      'dialog',
      'demo-wallet',
      element('p', 'demo-wallet-name', NAME),
      title,
      details,
      element('p', 'demo-wallet-note', note),
      element('div', 'demo-wallet-buttons', decline, approve),
    );
    dialog.setAttribute('aria-labelledby', title.id);
    for (const button of [decline, approve]) button.type = 'button';
    let approved = false;
    decline.addEventListener('click', () => dialog.close());
    approve.addEventListener('click', () => {
      approved = true;
      dialog.close();
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (approved) resolve();
      else reject(new Declined());
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

let last = Promise.resolve();

/** Asks the person, after all earlier questions are answered. */
function approval(...what) {
  const answer = last.then(() => open(...what));
  last = answer.catch(() => {});
  return answer;
}

const shortened = (address) => address.replace(/([1-9A-HJ-NP-Za-km-z]{4})[1-9A-HJ-NP-Za-km-z]{24,}/, '$1…');

/** The receiver: shortened in the question, and in full below. */
function receiver(to) {
  return element('p', 'demo-wallet-to', 'To ', element('code', 'demo-wallet-address', to));
}

// ---- The wallet (https://github.com/wallet-standard/wallet-standard)

const listeners = new Set();
let accounts = [];

function setAccounts(next) {
  accounts = next;
  for (const listener of listeners) listener({ accounts });
}

async function connect({ silent = false } = {}) {
  if (!silent && accounts.length === 0) {
    const { address, publicKey } = await ask('account');
    const account = {
      address,
      publicKey: fromBase64(publicKey),
      chains: Object.freeze([CHAIN]),
      features: Object.freeze(['solana:signTransaction', 'solana:signMessage']),
      label: NAME,
      icon: ICON,
    };
    setAccounts(Object.freeze([Object.freeze(account)]));
  }
  return { accounts };
}

async function disconnect() {
  if (accounts.length > 0) setAccounts([]);
}

/** Checks that a page asks for the account that it has connected to, on the chain of the demo. */
function check({ account, chain = CHAIN }) {
  if (!accounts.some(({ address }) => address === account?.address)) throw new Error('This account is not connected.');
  if (chain !== CHAIN) throw new Error(`This wallet knows only ${CHAIN}.`);
}

/** Does the inputs one after the other, as a person is asked about each. */
async function each(inputs, work) {
  const done = [];
  for (const input of inputs) {
    check(input);
    done.push(await work(input));
  }
  return done;
}

const signTransaction = (...inputs) =>
  each(inputs, async (input) => {
    const transaction = toBase64(input.transaction);
    const { amount, to } = await ask('read', { transaction });
    const note = 'This money exists only in the demo, on a chain on this computer.';
    await approval(`Pay ${amount} to ${shortened(to)}?`, receiver(to), note);
    const { signedTransaction } = await ask('sign', { transaction });
    return { signedTransaction: fromBase64(signedTransaction) };
  });

const signMessage = (...inputs) =>
  each(inputs, async (input) => {
    // A copy, so that what is signed is what was shown.
    const message = Uint8Array.from(input.message);
    const text = new TextDecoder().decode(message);
    const shown = element('pre', 'demo-wallet-message', text);
    // It scrolls if the screen is small, and then the keyboard has to reach it.
    shown.tabIndex = 0;
    await approval('Sign this message?', shown, 'Signing a message moves no money.');
    const { signature } = await ask('sign-message', { message: toBase64(message) });
    return { signedMessage: message, signature: fromBase64(signature) };
  });

const wallet = Object.freeze({
  version: '1.0.0',
  name: NAME,
  icon: ICON,
  chains: Object.freeze([CHAIN]),
  features: Object.freeze({
    'standard:connect': { version: '1.0.0', connect },
    'standard:disconnect': { version: '1.0.0', disconnect },
    'standard:events': {
      version: '1.0.0',
      on(event, listener) {
        if (event !== 'change') return () => {};
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    'solana:signTransaction': { version: '1.0.0', supportedTransactionVersions: ['legacy', 0], signTransaction },
    'solana:signMessage': { version: '1.0.0', signMessage },
  }),
  get accounts() {
    return accounts;
  },
});

/** Announces the wallet to a page that is ready, and to one that will be. */
function register() {
  const announce = (api) => api.register(wallet);
  window.dispatchEvent(new CustomEvent('wallet-standard:register-wallet', { detail: announce }));
  window.addEventListener('wallet-standard:app-ready', ({ detail: api }) => announce(api));
}

// ---- The strip

/** Makes the lamp, which shows whether it is lit by what its switch says each second. */
function lamp() {
  const words = element('span', 'demo-lamp-words', 'The lamp');
  const made = element('span', 'demo-lamp', element('span', 'demo-lamp-bulb'), words);
  made.setAttribute('role', 'status');
  const look = async () => {
    const { on } = await ask('lamp').catch(() => ({}));
    const now = { true: 'The lamp is on', false: 'The lamp is off' }[on] ?? 'The demo has stopped';
    if (words.textContent !== now) words.textContent = now;
    made.classList.toggle('demo-lamp-lit', on === true);
    setTimeout(look, 1000);
  };
  look();
  return made;
}

/** Says above the page that the money is not real, and on the lamp's page whether the lamp is lit. */
function showStrip() {
  const strip = element('aside', 'demo-strip', element('span', '', 'Play money, on a chain on this computer'));
  strip.setAttribute('aria-label', 'The demo');
  if (location.pathname === '/p/lamp') {
    strip.append(lamp());
    document.documentElement.classList.add('demo-has-lamp');
  }
  document.body.prepend(strip);
}

/** Says below the command for programs how it pays with the demo's wallet. */
async function completeCommand(help) {
  const { payOptions } = await ask('account');
  help.append(element('p', 'demo-command', 'In the demo, add: ', element('code', '', payOptions)));
}

register();
if (document.querySelector('main')?.dataset.page !== 'kiosk') showStrip();
const help = document.querySelector('.agent');
if (help) completeCommand(help).catch(() => {});
