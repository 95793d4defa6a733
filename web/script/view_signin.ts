// "I have paid already": the wallet that paid shows its running session.

import { button, disable, el, write, writeOrHide } from './dom';
import type { Model, View } from './model';
import { refusalText } from './notices';
import { challengeOf, messageOf, proofOf } from './signin';
import { canSignIn, connect, isDeclined, signText, type Wallet } from './wallets';

/** Signs in, and returns what there is to say if no session was found. */
async function signIn(model: Model, wallet: Wallet): Promise<string> {
  const { api, page, t, dispatch } = model;
  try {
    const account = await connect(wallet, page.chain);
    const challenge = challengeOf(await api.challenge());
    if (!challenge) return t('fault.no_answer');
    const signature = await signText(wallet, account, messageOf(challenge, account.address));
    const result = await api.signIn(proofOf(challenge, account.address, signature));
    if ('ok' in result) {
      dispatch({ type: 'adopt', sale: result.ok, isLinked: false });
      return '';
    }
    const { refusal } = result;
    return refusal.code === 'payment_required' ? t('signin.none') : refusalText(model, refusal, 'fault');
  } catch (error) {
    return t(isDeclined(error) ? 'signin.declined' : 'signin.failed');
  }
}

/** Makes the buttons to sign in with, one for each wallet that can. */
export function signInView(model: () => Model): View {
  const said = el('p.notice');
  const buttons = new Map<string, HTMLElement>();
  let isBusy = false;
  const run = async (name: string): Promise<void> => {
    const now = model();
    const wallet = now.world.wallets.get(name);
    if (!wallet) return;
    isBusy = true;
    writeOrHide(said, now.t('signin.asking', { wallet: name }));
    now.render();
    const text = await signIn(now, wallet);
    isBusy = false;
    writeOrHide(said, text);
    model().render();
  };
  writeOrHide(said, '');
  const node = el('div.signin', said);
  return {
    node,
    update({ world, state, t }): void {
      for (const [name, wallet] of world.wallets) {
        if (buttons.has(name) || !canSignIn(wallet)) continue;
        const element = button('button quiet', '', () => void run(name));
        buttons.set(name, element);
        said.before(element);
      }
      for (const [wallet, element] of buttons) {
        write(element, t(buttons.size > 1 ? 'signin.with' : 'signin', { wallet }));
        disable(element, isBusy || 'run' in state.flow);
      }
      if ('run' in state.flow) writeOrHide(said, '');
      node.hidden = buttons.size === 0;
    },
  };
}
