/* SPDX-License-Identifier: Apache-2.0 */
/* How quiet the machine is, and what processes cost, from /proc. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

/* Milliseconds that a fixed piece of work takes now: about the same on a quiet machine. */
double bench_spin_ms(void);

/* Load average of the last minute, and seconds stolen by the hypervisor since boot. */
double bench_load(void);
double bench_steal_seconds(void);

/* User and system seconds of a process on this machine; negative when there is none. */
double bench_process_seconds(int pid);

#endif
