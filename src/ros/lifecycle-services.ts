import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/node.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { REQUESTS, STATES, type StateName, TRANSITIONS, type Transition } from "./lifecycle-graph.ts";
import type { RclNode } from "./rclnodejs.ts";

/**
 * The services of a managed node (`ros2 lifecycle`, launch and lifecycle managers call them).
 *
 * rclnodejs has a lifecycle node of its own, but its hooks must be done when they return; ours load models.
 */
export function serveLifecycle(node: RclNode, lifecycle: Lifecycle, log: Logger): void {
  const serve = <Answer>(type: string, name: string, answer: () => Answer): void => {
    node.createService<unknown, Answer>(`lifecycle_msgs/srv/${type}`, `~/${name}`, (_, response) => {
      response.send(answer());
    });
  };
  const available = () => REQUESTS.filter(({ from }) => from === lifecycle.state);

  serve("GetState", "get_state", () => ({ current_state: stateMessage(lifecycle.state) }));
  serve("GetAvailableStates", "get_available_states", () => ({
    available_states: (Object.keys(STATES) as StateName[]).map(stateMessage),
  }));
  serve("GetAvailableTransitions", "get_available_transitions", () => ({
    available_transitions: available().map(descriptionMessage),
  }));
  serve("GetAvailableTransitions", "get_transition_graph", () => ({
    available_transitions: TRANSITIONS.map(descriptionMessage),
  }));
  node.createService<{ transition: { id: number; label: string } }, { success: boolean }>(
    "lifecycle_msgs/srv/ChangeState",
    "~/change_state",
    ({ transition }, response) => {
      const answer = (success: boolean): void => response.send({ success });
      lifecycle.request(transition).then(answer, (thrown: unknown) => {
        log.error(messageOf(thrown));
        answer(false);
      });
    },
  );
}

function stateMessage(name: StateName): { id: number; label: string } {
  return { id: STATES[name], label: name };
}

export function descriptionMessage({ id, label, from, to }: Transition) {
  return { transition: { id, label }, start_state: stateMessage(from), goal_state: stateMessage(to) };
}
