// Headless Firefox with fake media.

import puppeteer from 'puppeteer-core';
import { findProgram } from './chromium.mjs';

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // Else it passes over servers on this machine.
  'media.peerconnection.ice.loopback': true,
  // Nothing that asks the network for something.
  'app.normandy.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

/** A browser that takes nothing from earlier runs. */
export async function launchFirefox(test) {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: findProgram(process.env.PEERHALL_FIREFOX || 'firefox-esr', 'Firefox'),
    headless: true,
    extraPrefsFirefox: PREFERENCES,
  });
  test.defer(() => browser.close());
  return browser;
}
