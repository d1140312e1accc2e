/** The paths to which uploads are on their way. */
import { isWithin, type VirtualPath } from "../names.js";

/** One such path. */
interface Place {
  uploads: number;
  /** Uploads among them that may add to the file in place: until they end, its size in the store says nothing. */
  growing: number;
  /** What is counted for the file meanwhile; `undefined` where there is none. Kept while something is growing. */
  size: number | undefined;
}

/** Knows what stands where the store itself cannot tell. */
export class Places {
  readonly #places = new Map<VirtualPath, Place>();

  /** An upload begins. @param size of the file there; `undefined` without one */
  enter(path: VirtualPath, grows: boolean, size: number | undefined): void {
    const place = this.#places.get(path) ?? { uploads: 0, growing: 0, size };
    if (place.growing === 0) place.size = size;
    place.uploads++;
    if (grows) place.growing++;
    this.#places.set(path, place);
  }

  /** The upload is over. */
  leave(path: VirtualPath, grows: boolean): void {
    const place = this.#places.get(path);
    if (place === undefined) return;
    place.uploads--;
    if (grows) place.growing--;
    if (place.uploads === 0) this.#places.delete(path);
  }

  /** What is known of a file that may be growing: its size as counted, if it is there. */
  known(path: VirtualPath): { readonly size: number | undefined } | undefined {
    const place = this.#places.get(path);
    return place !== undefined && place.growing > 0 ? place : undefined;
  }

  /** The file at a path is now another one, or gone. */
  changed(path: VirtualPath, size: number | undefined): void {
    const place = this.#places.get(path);
    if (place !== undefined) place.size = size;
  }

  /** Whether an upload is on its way to somewhere below a directory. */
  anyBelow(directory: VirtualPath): boolean {
    for (const path of this.#places.keys()) if (path !== directory && isWithin(path, directory)) return true;
    return false;
  }
}
