// Records of the kernel's log: kills for memory, and everything else.
import { expect, it } from 'vitest';
import { parseKill } from '../../../collectors/processes/parse-kmsg.ts';

it.each([
  [
    '3,1023,5004321,-;Memory cgroup out of memory: Killed process 4711 (victimd) total-vm:70000kB, anon-rss:60000kB, UID:0\n',
    { pid: 4711, at: 5004.321 },
  ],
  ['3,1,1000,-;Out of memory: Killed process 12 (a b) total-vm:1kB', { pid: 12, at: 1 }],
  [
    '3,1,1000,-;Out of memory (oom_kill_allocating_task): Killed process 12 (x) total-vm:1kB',
    { pid: 12, at: 1 },
  ],
  ['3,1,1000,c;Out of memory: Kill process 77 (old) score 900 or sacrifice child', { pid: 77, at: 1 }],
  [
    '6,2,2000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/t,task_memcg=/t,task=victimd,pid=815,uid=0\n SUBSYSTEM=x\n',
    { pid: 815, at: 2 },
  ],
  ['11,3,3000,-;Out of memory: Killed process 12 (spoof) total-vm:1kB', undefined],
  ['6,3,3000,-;eth0: link up', undefined],
  ['6,3,3000,-;audit: Out of memory: Killed process 12', undefined],
  ['3,1,1000,-;Memory cgroup out of memory: Killed process (x)', undefined],
  ['Out of memory: Killed process 12 (x)', undefined],
  ['', undefined],
])('%j', (record, kill) => expect(parseKill(record)).toEqual(kill));
