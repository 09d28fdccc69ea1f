"""How a server becomes a child of this process: under which account, by which launcher, until when."""
