/**
 * System calls that a runner has no use for, by name, with their numbers on x86-64 (Linux arch/x86/entry/syscalls/
 * syscall_64.tbl). They are denied while node itself boots too, so what booting needs (execve, clone, socketpair)
 * is not here: the limits that follow READY take those.
 */
export const DENIED_X64 = {
  // Sockets. recvfrom (45), recvmsg (47) and shutdown (48) act on a socket that nobody can make.
  socket: 41,
  connect: 42,
  accept: 43,
  sendto: 44,
  sendmsg: 46,
  bind: 49,
  listen: 50,
  accept4: 288,
  // Other processes.
  ptrace: 101,
  tkill: 200,
  rt_tgsigqueueinfo: 297,
  process_vm_readv: 310,
  process_vm_writev: 311,
  pidfd_open: 434,
  pidfd_getfd: 438,
  process_madvise: 440,
  // Mounts, roots, namespaces.
  vhangup: 153,
  pivot_root: 155,
  chroot: 161,
  mount: 165,
  umount2: 166,
  swapon: 167,
  swapoff: 168,
  quotactl: 179,
  unshare: 272,
  name_to_handle_at: 303,
  open_by_handle_at: 304,
  setns: 308,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  mount_setattr: 442,
  // The machine.
  reboot: 169,
  iopl: 172,
  ioperm: 173,
  init_module: 175,
  delete_module: 176,
  finit_module: 313,
  kexec_load: 246,
  kexec_file_load: 320,
  // Parts of the kernel with a history of their own.
  add_key: 248,
  request_key: 249,
  keyctl: 250,
  perf_event_open: 298,
  bpf: 321,
  userfaultfd: 323,
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
} as const;
