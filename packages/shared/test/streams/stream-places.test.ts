import { strict as assert } from 'node:assert';
import { StreamPlaces } from '@cetus/shared/streams';

describe('The places of streams', () => {
  const full = { code: 'too_many_requests', message: 'Too many streams are open', retryAfterMs: 10_000 };

  it('are bounded for each project and for all', () => {
    const places = new StreamPlaces({ what: 'streams', most: 3, mostPerProject: 2 });
    const release = places.take('a');
    places.take('a');
    assert.throws(() => places.take('a'), full);
    places.take('b');
    assert.throws(() => places.take('b'), full);
    assert.equal(places.taken, 3);
    release();
    release();
    assert.equal(places.taken, 2);
    places.take('a');
  });

  it('are none once it is closed', () => {
    const places = new StreamPlaces({ what: 'streams', most: 3, mostPerProject: 2 });
    places.close();
    assert.throws(() => places.take('a'), full);
  });
});
