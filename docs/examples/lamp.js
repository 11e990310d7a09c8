/** A signal lamp as a node of a launch file (`kind: …/lamp.js`): a service lights it, a topic tells. */
export const role = "view";

export function create(context, { colour = "green" }) {
  let lamp;
  let isLit = false;
  const show = (lit) => {
    isLit = lit;
    lamp.publish({ data: lit });
  };
  return {
    async configure() {
      lamp = context.publisher("~/lit", "std_msgs/msg/Bool");
      context.serve("~/light", () => {
        if (isLit) return { success: false, message: `${colour} is lit already` };
        show(true);
        return { success: true, message: `${colour} is lit` };
      });
    },
    async activate() {},
    async deactivate() {
      show(false);
    },
    async cleanup() {},
  };
}
