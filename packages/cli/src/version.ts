/** Written here because reading package.json would cost a file at every start; a test holds the two equal. */
export const VERSION = '0.1.0';
