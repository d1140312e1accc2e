/**
 * Names that Windows would read as something else: devices, streams, drives, or the name of another file.
 * Pure text: knows neither disk nor platform, so that it is tested on every one.
 */

/** CON, NUL, COM1 and their like mean a device in every folder and with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])$/i;
/** What NTFS keeps as a second, short name of a file (`PROGRA~1.TXT`): it would pass by the rules for the long one. */
const SHORT_NAME = /^[^.]{1,6}~[0-9]{1,6}(?:\.[^.]{0,3})?$/;

/** Whether a file on Windows can have the name and will be called just so. */
export function isWindowsName(name: string): boolean {
  if (name === "" || /[\0-\x1f<>:"/\\|?*]/.test(name)) return false;
  if (name.endsWith(".") || name.endsWith(" ") || !name.isWellFormed()) return false;
  const stem = name.slice(0, (name.indexOf(".") + 1 || name.length + 1) - 1);
  return !DEVICE.test(stem.trimEnd()) && !SHORT_NAME.test(name);
}
