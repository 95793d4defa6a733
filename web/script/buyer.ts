// The entry of the page of an asset.

import { runPage } from './app';
import { takeCode } from './code';
import { pageData } from './data';

// The code is wiped from the address before anything else runs.
const code = takeCode();
const page = pageData();
const [panel, order] = ['panel', 'order'].map((id) => document.getElementById(id));

if (page && panel && order) {
  document.documentElement.classList.add('js');
  runPage(page, panel, order, code);
}
