/** The simplest driver: runs a workflow over answers that are at hand. */
import type { Reply, Step, Workflow } from './workflow.ts';

/**
 * Runs a workflow to its end; what `answer` throws goes through the workflow to the caller.
 * @throws TufError as the workflow
 */
export function drive<T>(workflow: Workflow<T>, answer: (step: Step) => Reply): T {
  let turn = workflow.next();
  while (turn.done !== true) {
    let reply: Reply;
    try {
      reply = answer(turn.value);
    } catch (error) {
      turn = workflow.throw(error);
      continue;
    }
    turn = workflow.next(reply);
  }
  return turn.value;
}
