/**
 * What is said when a conversation is handed over: to the user, who sees one conversation and wants to know who speaks, and to
 * the agent that takes over. Words only.
 */
import { oneLine } from "../base/text.ts";

/** The slash command that gives the conversation back to the agent it was begun with. */
export const returnCommand = "return";

/** Longest message repeated to the user, in characters. */
const maxShownCharacters = 200;

export interface Handing {
  from: string;
  /** Of `from`, for the one that takes over. */
  message: string;
  returnAfter: boolean;
}

/** For the agent that takes over, before anything else. The message stands on lines of its own, word for word. */
export function noteToSuccessor({ from, message, returnAfter }: Handing): string {
  return [
    `You take over a conversation with a user from another agent, ${from}. To the user it is one conversation: answer them`,
    `directly, and do not repeat what was said. ${from} left you this note:`,
    "",
    message,
    "",
    returnAfter
      ? `When you have answered, ${from} has the conversation again and is told your last message.`
      : "From now on the conversation is yours. You can give it back, or hand it on, with the tool handoff_session.",
  ].join("\n");
}

/** For an agent that gets back a conversation it knows. */
export function noteToFormer({ from, message }: Handing): string {
  return [`${from} gives the conversation back to you with this note:`, "", message].join("\n");
}

/** `wayBack` names whom the user can give the conversation back to, where it does not go back by itself. */
export function takesOver(name: string, message: string, wayBack: string | undefined): string {
  const offer = wayBack === undefined ? "" : ` (/${returnCommand} gives the conversation back to ${wayBack})`;
  return `${name} takes over: ${oneLine(message, maxShownCharacters)}${offer}`;
}

export function hasItAgain(name: string): string {
  return `${name} has the conversation again`;
}

export function couldNotTakeOver(name: string, why: string): string {
  return `${name} could not take over: ${oneLine(why, maxShownCharacters * 2)}`;
}

export function isGone(name: string, why: string | undefined): string {
  return why === undefined ? `${name} has ended` : `${name} has ended: ${oneLine(why, maxShownCharacters * 2)}`;
}

/** Of a stored conversation that another agent had when it was closed. */
export function openedWithout(agent: string, first: string): string {
  return `this conversation had been handed over to ${agent}; it is opened again with ${first}, who does not know what was said since`;
}
