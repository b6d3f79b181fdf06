import { map, ReplaySubject, type Observable } from 'rxjs'
import type { Todo } from '../../replies.ts'

/** Todo list of a turn's agent. Without a subscriber, only the last list is kept. */
export class TurnTodos {
  #last: readonly Todo[] | undefined
  #isComplete = false
  #lists: ReplaySubject<readonly Todo[]> | undefined

  /** Lists of the turn: the last one at once, if there is one, then each change. Each subscriber gets copies. */
  get lists$(): Observable<Todo[]> {
    if (!this.#lists) {
      this.#lists = new ReplaySubject(1)
      this.#emit()
      if (this.#isComplete) this.#lists.complete()
    }
    return this.#lists.pipe(map((list) => list.map((todo) => ({ ...todo }))))
  }

  /** Takes a list; a list that is equal to the last one changes nothing. */
  take(list: readonly Todo[] | undefined): void {
    if (!list || this.#isComplete || JSON.stringify(list) === JSON.stringify(this.#last)) return
    this.#last = list
    this.#emit()
  }

  complete(): void {
    this.#isComplete = true
    this.#lists?.complete()
  }

  #emit(): void {
    if (this.#last) this.#lists?.next(this.#last)
  }
}
