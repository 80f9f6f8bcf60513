// What the samples of the contract take from the application around them: each function notes that it was called.

/** Arguments of all calls so far, by function. */
export const calls: Record<string, any[][]> = {};

const noted = (name: string) => (...values: any[]): void => {
  (calls[name] ??= []).push(values);
};

export const showAvatar = noted('showAvatar');
export const updateNameTag = noted('updateNameTag');
export const attachToAudioPipeline = noted('attachToAudioPipeline');
export const attachToVideoTile = noted('attachToVideoTile');
export const attachToFaceTile = noted('attachToFaceTile');
export const attachToScreenTile = noted('attachToScreenTile');
export const attachVideo = noted('attachVideo');
export const hideLoadingSpinner = noted('hideLoadingSpinner');
export const showLoadingSpinner = noted('showLoadingSpinner');
export const removeTile = noted('removeTile');
export const addTile = noted('addTile');
export const handleGameTick = noted('handleGameTick');
export const handle = noted('handle');
export const log = noted('log');
export const toast = noted('toast');
export const appendToRoomChat = noted('appendToRoomChat');
export const appendToPrivateThread = noted('appendToPrivateThread');
export const appendMessage = noted('appendMessage');
export const addMessage = noted('addMessage');
export const showReloginPrompt = noted('showReloginPrompt');
export const showBillingUI = noted('showBillingUI');
export const showKickedUI = noted('showKickedUI');
export const showAccessDeniedUI = noted('showAccessDeniedUI');
export const showAuthFlowBroken = noted('showAuthFlowBroken');
export const reportToSentry = noted('reportToSentry');

/** Where the application's backend gives tokens; set by the scene. */
export const backend = { url: '', token: async (_peer: string): Promise<string> => '' };

/** Waits until something is so. */
export async function until(check: () => unknown, what: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`not within a minute: ${what}; ${JSON.stringify(Object.keys(calls))}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until a function was called with something that fits. */
export const called = (name: string, fits: (...values: any[]) => unknown = () => true): Promise<void> =>
  until(() => calls[name]?.some((values) => fits(...values)), name);
