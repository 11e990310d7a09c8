/** Above this share of a bundle's surprise limit the robot slows down; above the limit it stops. */
export const SURPRISE_WARN_SHARE = 0.5;
