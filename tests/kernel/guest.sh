#!/bin/busybox sh
# All that runs in the guest: its first process. It readies the system as far as a test program notices, runs the
# program, says how that ended, and turns the machine off.
#
# The serial ports are the way out: ttyS0 is the kernel's console, ttyS1 has what the program prints, and ttyS2 a line
# `started` and a line `ended STATUS`.
export PATH=/bin:/sbin:/usr/bin HOME=/root
/bin/busybox --install -s /bin

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir /dev/shm
mount -t tmpfs tmpfs /dev/shm
ln -s /proc/self/fd /dev/fd

# Without this a line would end in "\r\n".
stty -F /dev/ttyS1 raw
stty -F /dev/ttyS2 raw

# The sanitizers of GCC 12 need the address space as it was before Linux 6.x widened its randomisation.
echo 0 >/proc/sys/kernel/randomize_va_space
ip link set lo up

# The kernel asks for further ciphers when it needs them; the fast ones udev would load, for the processor's sake.
for module in tls aesni-intel; do
  modprobe "$module"
done

echo started >/dev/ttyS2
# Through a pipe, since a program that writes to a terminal may colour what it says.
{
  sh /program
  echo $? >/tmp/status
} 2>&1 </dev/null | cat >/dev/ttyS1
echo "ended $(cat /tmp/status)" >/dev/ttyS2
poweroff -f
