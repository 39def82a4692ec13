export interface RealmOpened {
  readonly cause: 'start' | 'recovery' | 'takeover';
  readonly cutBytes: number;
  readonly decider: number;
  readonly epoch: number;
  readonly node: string;
  readonly origin: string;
  readonly release: string;
  readonly type: 'realm.opened';
}

export interface StateHashed {
  readonly hash: string;
  readonly index: number;
  readonly type: 'realm.state_hashed';
}

export type RealmEvent = RealmOpened | StateHashed;
