// The entry: the page of an asset, or the screen beside its machine.

import { runPage } from './app';
import { takeCode } from './code';
import { pageData } from './data';
import { runKiosk } from './kiosk';

// The code is wiped from the address before anything else runs.
const code = takeCode();
const page = pageData();
const [main, panel, order] = ['main', 'panel', 'order'].map((id) => document.getElementById(id));

if (page && main?.dataset.page === 'kiosk') runKiosk(page);
else if (page && panel && order) {
  document.documentElement.classList.add('js');
  runPage(page, panel, order, code);
}
