// "I have paid already": the wallet that paid shows its running session.

import { button, disable, el, writeOrHide } from './dom';
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
      dispatch({ type: 'adopt', sale: result.ok });
      return '';
    }
    const { refusal } = result;
    return refusal.code === 'payment_required' ? t('signin.none') : refusalText(model, refusal, 'fault');
  } catch (error) {
    return t(isDeclined(error) ? 'signin.declined' : 'signin.failed');
  }
}

/** Makes a button that opens the wallets to sign in with. With a single wallet it signs in at once. */
export function signInView(model: () => Model): View {
  const { t } = model();
  const said = el('p.notice');
  const choices = el('div.actions');
  choices.hidden = true;
  const known = new Set<string>();
  let isBusy = false;
  const run = (wallet: Wallet): void => {
    const now = model();
    now.world.hasActed = true;
    isBusy = true;
    writeOrHide(said, t('signin.asking', { wallet: wallet.name }));
    now.render();
    void signIn(now, wallet).then((text) => {
      isBusy = false;
      writeOrHide(said, text);
      model().render();
    });
  };
  const open = button('button quiet', t('signin'), () => {
    const [only, ...others] = able(model());
    if (only && others.length === 0) return run(only);
    choices.hidden = !choices.hidden;
    open.setAttribute('aria-expanded', String(!choices.hidden));
  });
  writeOrHide(said, '');
  const node = el('div.signin', open, choices, said);
  return {
    node,
    update(now): void {
      for (const wallet of able(now)) {
        if (known.has(wallet.name)) continue;
        known.add(wallet.name);
        choices.append(button('button', t('signin.with', { wallet: wallet.name }), () => run(wallet)));
      }
      for (const element of [open, ...choices.children]) disable(element as HTMLElement, isBusy || 'run' in now.state.flow);
      node.hidden = known.size === 0;
    },
  };
}

/** Returns the wallets that can sign in. */
function able(model: Model): readonly Wallet[] {
  return [...model.world.wallets.values()].filter(canSignIn);
}
