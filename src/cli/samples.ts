/** The files that `--memory` begins with. */

const README = `Welcome. These files live in the memory of this program: change, delete and upload what you like,
all of it is gone when the program stops.

  pub/      things to download
  incoming/ a place for uploads
`;

const PLANETS = `name,moons
Mercury,0
Venus,0
Earth,1
Mars,2
Jupiter,95
Saturn,146
Uranus,28
Neptune,16
`;

/** Path to content. */
export const SAMPLES: Readonly<Record<string, string | Uint8Array>> = {
  "/readme.txt": README,
  "/pub/planets.csv": PLANETS,
  "/pub/a name with spaces.txt": "Spaces are nothing special.\n",
  "/pub/Grüße.txt": "Names are UTF-8.\n",
  "/pub/megabyte.bin": Uint8Array.from({ length: 1_000_000 }, (_, index) => index & 0xff),
  "/incoming/put files here.txt": "Or anywhere else.\n",
};
